from acplab.cli import main

main()
