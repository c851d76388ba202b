module acplab/images/storefront

go 1.26.0
