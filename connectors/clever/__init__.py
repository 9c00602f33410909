"""The five CSV files of Clever's SFTP format: a shape that others than Clever take, too."""
