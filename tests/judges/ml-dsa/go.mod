module judge-ml-dsa

go 1.27
