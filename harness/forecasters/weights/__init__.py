"""The weights of pretrained models: declared, fetched, verified and stored."""
