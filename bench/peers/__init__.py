"""What the tool is compared with: each prepared by itself, and left out with a note where that is not possible."""
