module acplab/images/dns-agent

go 1.26.0
