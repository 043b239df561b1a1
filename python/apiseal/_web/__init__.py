"""What the adapters for web frameworks and clients share. Nothing here imports one of them."""
