"""What a person sees in the UI, in a real browser; each page is kept as a picture in `artifacts/screenshots`."""
