"""The client of the vendor's API against a scripted vendor on a real socket."""
