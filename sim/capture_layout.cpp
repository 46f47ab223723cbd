#include "sim/capture_layout.h"

#include <spdlog/spdlog.h>

#include "core/arena.h"
#include "core/error.h"
#include "data/registry.h"
#include "sim/run_config.h"
#include "sim/setup.h"

namespace archleak::sim {
namespace {

const char* name_of(Segment segment) {
  return segment == Segment::weights ? "weights" : segment == Segment::alpha ? "alpha" : "buffers";
}

/// The arena of the run's network.
ArenaLayout arena_of(const RunConfig& run) {
  const auto info = data::find_dataset(run.data.name);
  ExampleShape shape = info.shape;
  int64_t classes = info.classes;
  if (shape.channels == 0 || classes == 0) {
    const auto train = data::load(run.data, run.seed).train;
    shape = train.shape;
    classes = train.classes;
  }
  return make_global_model(run, shape, classes).arena.layout();
}

}  // namespace

std::optional<CaptureLayout> capture_layout(const std::string& config, const std::string& name,
                                            const std::string& fingerprint) {
  const RunConfig run = parse_run_config(config, name);
  ArenaLayout arena;
  try {
    arena = arena_of(run);
  } catch (const Error& error) {
    spdlog::warn("{}: cannot build the network, so messages are not split: {}", name, error.what());
    return std::nullopt;
  }
  if (!fingerprint.empty() && arena.fingerprint() != fingerprint) {
    spdlog::warn("{}: expected a network with the layout {} that the coordinator named, got {}; messages are not split",
                 name, fingerprint, arena.fingerprint());
    return std::nullopt;
  }
  CaptureLayout layout{.protocol = run.protocol,
                       .model = broadcast_layout(run.protocol, arena.weights, arena.alpha, arena.buffers),
                       .update = update_layout(run.protocol, arena.weights, arena.alpha, arena.buffers),
                       .tensors = {}};
  for (const auto& entry : arena.entries) {
    layout.tensors.push_back({.name = entry.name,
                              .segment = name_of(entry.segment),
                              .shape = entry.shape,
                              .offset = entry.offset - arena.begin(entry.segment),
                              .size = entry.size});
  }
  return layout;
}

}  // namespace archleak::sim
