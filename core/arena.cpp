#include "core/arena.h"

#include <spdlog/fmt/fmt.h>

#include "core/error.h"
#include "core/hash.h"

namespace archleak {
namespace {

void append(ArenaLayout& layout, const std::string& name, const torch::Tensor& tensor, Segment segment) {
  layout.entries.push_back({name, tensor.sizes().vec(), segment, layout.size(), tensor.numel()});
  (segment == Segment::weights ? layout.weights
   : segment == Segment::alpha ? layout.alpha
                               : layout.buffers) += tensor.numel();
}

}  // namespace

int64_t ArenaLayout::begin(Segment segment) const {
  return segment == Segment::weights ? 0 : segment == Segment::alpha ? weights : weights + alpha;
}

int64_t ArenaLayout::size(Segment segment) const {
  return segment == Segment::weights ? weights : segment == Segment::alpha ? alpha : buffers;
}

std::string ArenaLayout::fingerprint() const {
  std::string text;
  for (const auto& entry : entries) {
    text += fmt::format("{} {}", entry.name, static_cast<int>(entry.segment));
    for (const int64_t extent : entry.shape) text += fmt::format(" {}", extent);
    text += '\n';
  }
  return to_hex(sha256(text.data(), text.size()));
}

ArenaLayout arena_layout(const torch::nn::Module& module, const std::function<bool(const std::string&)>& is_alpha) {
  ArenaLayout layout;
  for (const bool alpha : {false, true}) {
    for (const auto& parameter : module.named_parameters()) {
      if (is_alpha(parameter.key()) == alpha) {
        append(layout, parameter.key(), parameter.value(), alpha ? Segment::alpha : Segment::weights);
      }
    }
  }
  for (const auto& buffer : module.named_buffers()) append(layout, buffer.key(), buffer.value(), Segment::buffers);
  return layout;
}

Arena Arena::adopt(torch::nn::Module& module, const std::function<bool(const std::string&)>& is_alpha) {
  Arena arena;
  arena.layout_ = arena_layout(module, is_alpha);
  const auto parameters = module.named_parameters();
  const auto buffers = module.named_buffers();
  if (parameters.is_empty()) throw Error("arena: expected a module with parameters, got none");
  const auto options = parameters[0].value().options().requires_grad(false);
  arena.values_ = torch::empty({arena.layout_.size()}, options);
  arena.gradients_ = torch::zeros({arena.layout_.weights + arena.layout_.alpha}, options);
  const torch::NoGradGuard no_grad;
  for (const auto& entry : arena.layout_.entries) {
    const bool is_buffer = entry.segment == Segment::buffers;
    torch::Tensor tensor = is_buffer ? buffers[entry.name] : parameters[entry.name];
    if (tensor.scalar_type() != arena.values_.scalar_type()) {
      throw Error(fmt::format("arena: {}: expected type {}, got {}", entry.name,
                              c10::toString(arena.values_.scalar_type()), c10::toString(tensor.scalar_type())));
    }
    const torch::Tensor place = arena.view(entry);
    place.copy_(tensor);
    tensor.set_data(place);
    if (!is_buffer) {
      tensor.mutable_grad() = arena.gradients_.slice(0, entry.offset, entry.offset + entry.size).view(entry.shape);
    }
  }
  return arena;
}

torch::Tensor Arena::segment(Segment segment) const {
  const int64_t begin = layout_.begin(segment);
  return values_.slice(0, begin, begin + layout_.size(segment));
}

torch::Tensor Arena::gradient(Segment segment) const {
  const int64_t begin = layout_.begin(segment);
  return gradients_.slice(0, begin, begin + layout_.size(segment));
}

torch::Tensor Arena::view(const ArenaEntry& entry) const {
  return values_.slice(0, entry.offset, entry.offset + entry.size).view(entry.shape);
}

std::span<float> Arena::floats() {
  return {values_.data_ptr<float>(), static_cast<size_t>(values_.numel())};
}

std::span<const float> Arena::floats() const {
  return {values_.data_ptr<float>(), static_cast<size_t>(values_.numel())};
}

std::string Arena::hash() const {
  const torch::Tensor host = values_.cpu();
  return to_hex(sha256(host.data_ptr(), host.nbytes()));
}

}  // namespace archleak
