module github.com/apiseal/apiseal/go

go 1.24
