"""What a person sees in the UI, in a real browser; run by `make test-all`, kept as pictures in artifacts/screenshots."""
