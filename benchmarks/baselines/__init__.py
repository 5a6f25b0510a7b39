"""Networks that the models are held against, trained here and left out of the wheel."""
