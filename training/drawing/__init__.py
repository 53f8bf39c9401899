"""The drawing program: from a description of a picture to pixels. Every picture the model learns from is drawn here."""
