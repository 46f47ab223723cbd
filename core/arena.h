#pragma once
#include <torch/torch.h>

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace archleak {

/// The three parts of an arena, in their order in memory.
enum class Segment { weights, alpha, buffers };

/// One tensor's place in an arena.
struct ArenaEntry {
  std::string name;  ///< the module's own name, "cells.0.preprocess0.op.1.weight"
  std::vector<int64_t> shape;
  Segment segment;
  int64_t offset;  ///< in floats from the start of the arena
  int64_t size;    ///< in floats
};

/// Where every tensor of a model lies in its arena: what coordinator, clients and attackers must agree on.
struct ArenaLayout {
  std::vector<ArenaEntry> entries;
  int64_t weights = 0;  ///< floats in each segment
  int64_t alpha = 0;
  int64_t buffers = 0;

  int64_t size() const { return weights + alpha + buffers; }
  int64_t begin(Segment segment) const;
  int64_t size(Segment segment) const;

  /// SHA-256 (hex) over names, shapes and segments: equal for equal layouts.
  std::string fingerprint() const;
};

/// All of a model's weights, architecture parameters and buffers as views into one contiguous buffer
/// `[weights | alpha | buffers]`, and all gradients as views into a second one `[weights | alpha]`.
///
/// Resetting the model is one copy, an update is one pass, a frame on the wire is the arena's bytes. The module keeps
/// its own names and shapes; its tensors share the arena's memory from `adopt` on.
class Arena {
 public:
  /// Moves the parameters and buffers of `module` into a new arena. Parameters for which `is_alpha(name)` holds form
  /// the alpha segment. All must be of one floating type (float32; float64 in tests) on one device; gradients start
  /// at zero and accumulate in place. Throws Error for another type.
  static Arena adopt(
      torch::nn::Module& module,
      const std::function<bool(const std::string&)>& is_alpha = [](const std::string&) { return false; });

  const ArenaLayout& layout() const { return layout_; }

  torch::Tensor values() const { return values_; }        ///< [layout().size()], shares memory
  torch::Tensor gradients() const { return gradients_; }  ///< [weights + alpha], shares memory
  torch::Tensor segment(Segment segment) const;           ///< part of values()
  torch::Tensor gradient(Segment segment) const;          ///< part of gradients(); not for buffers
  torch::Tensor view(const ArenaEntry& entry) const;      ///< part of values() in the entry's shape

  /// The values as memory; float32 on the CPU only.
  std::span<float> floats();
  std::span<const float> floats() const;

  /// SHA-256 (hex) over the values' bytes: "the global model's hash".
  std::string hash() const;

 private:
  ArenaLayout layout_;
  torch::Tensor values_;
  torch::Tensor gradients_;
};

/// The layout that `Arena::adopt` would give `module`, without moving anything.
ArenaLayout arena_layout(const torch::nn::Module& module, const std::function<bool(const std::string&)>& is_alpha);

}  // namespace archleak
