"""One runtime process, supervised; N of them side by side."""
