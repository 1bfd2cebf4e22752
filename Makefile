# Two cores are enough; tests that make network namespaces need root.
GOLANGCI = github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.12.0

# How long make soak runs, as a Go duration.
SOAK ?= 10m

.PHONY: build test lint bench soak

build:
	CGO_ENABLED=0 go build -trimpath -o bin/ ./deputynode ./cmd/ipxbench

test:
	@[ "$$(id -u)" = 0 ] || { echo "make test needs root: its tests make network namespaces" >&2; exit 1; }
	go test -count=1 -timeout 15m ./...

lint:
	go vet ./...
	@out=$$(gofmt -l .); [ -z "$$out" ] || { echo "gofmt would change:"; echo "$$out"; exit 1; }
	go run $(GOLANGCI) run ./...

bench:
	go run ./cmd/ipxbench ping-pong

soak:
	go run ./internal/sim/soak -for $(SOAK)
