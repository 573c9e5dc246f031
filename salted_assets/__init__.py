"""salted_assets: own the data of a contact centre that runs on Salted CX, and score its agents fairly."""
