module acplab/images/clerk

go 1.26.0
