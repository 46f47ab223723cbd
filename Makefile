# Thin: each target sets the machine up, then calls CMake.
.PHONY: setup build test demo bench
build/release/CMakeCache.txt: setup
	cmake --preset release
setup:
	@cmake/setup.sh
build: build/release/CMakeCache.txt
	cmake --build --preset release
test: build
	ctest --preset release
demo: build/release/CMakeCache.txt
	cmake --build --preset release --target archleak
	build/release/archleak run configs/demo.toml --out runs/demo --overwrite
	build/release/archleak run configs/demo-leak.toml --out runs/demo-leak --overwrite
	build/release/archleak attack runs/demo-leak --limit 1
bench: build
	build/release/archleak_bench_coordinator
	build/release/archleak_bench_search_step
	build/release/archleak_bench_depthwise_convolution
	build/release/archleak_bench_dp_sgd_step
	build/release/archleak_bench_alpha_jacobian
