"""Every rule, one file each, named for the offence."""
