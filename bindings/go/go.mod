module ullage.example/ullage

go 1.24
