from __future__ import annotations

from hal_image.engine.comfyui_environment import child_environment


def test_a_gpu_is_the_one_that_nvidia_smi_counts() -> None:
    child = child_environment({"CUDA_VISIBLE_DEVICES": "0,1"}, cpu=False, gpu="1")
    assert (child["CUDA_VISIBLE_DEVICES"], child["CUDA_DEVICE_ORDER"]) == ("1", "PCI_BUS_ID")


def test_without_a_choice_the_callers_own_stays() -> None:
    child = child_environment({"CUDA_VISIBLE_DEVICES": "0,1"}, cpu=False)
    assert (child["CUDA_VISIBLE_DEVICES"], "CUDA_DEVICE_ORDER" in child) == ("0,1", False)


def test_tokens_and_our_own_paths_stay_outside() -> None:
    child = child_environment({"HF_TOKEN": "x", "PYTHONPATH": "/ours", "PATH": "/bin"}, cpu=True)
    assert child["PATH"] == "/bin"
    assert not {"HF_TOKEN", "PYTHONPATH"} & child.keys()


def test_what_makes_a_processor_faster_is_for_processors_and_gives_way_to_the_users_own() -> None:
    names = ("GOMP_SPINCOUNT", "GLIBC_TUNABLES")
    assert [child_environment({}, cpu=True)[name] for name in names] == ["10000", "glibc.malloc.hugetlb=1"]
    assert [child_environment(dict.fromkeys(names, "mine"), cpu=True)[name] for name in names] == ["mine", "mine"]
    assert not set(names) & set(child_environment({}, cpu=False))
