module khw-gen/e2e/agent

go 1.21
