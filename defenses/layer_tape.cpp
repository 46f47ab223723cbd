#include "defenses/layer_tape.h"

#include <spdlog/fmt/fmt.h>
#include <torch/csrc/autograd/functions/accumulate_grad.h>

#include <algorithm>
#include <map>
#include <string>
#include <string_view>

#include "core/error.h"

namespace archleak::defenses {
namespace {

/// A call as LibTorch reports it; judged only in LayerTape::calls, since LibTorch swallows what callbacks throw.
struct RawCall : at::ObserverContext {
  std::string name;
  std::vector<c10::IValue> inputs;
  torch::Tensor output;
  int64_t version = 0;
};

// Callbacks are plain functions that LibTorch calls on the thread of the forward pass.
thread_local std::vector<RawCall>* recording = nullptr;

torch::Tensor tensor_at(const RawCall& raw, size_t i) {
  return raw.inputs.at(i).isTensor() ? raw.inputs[i].toTensor() : torch::Tensor();
}

/// The parameter at input `i`, also where the input is a copy or view of it that the autograd nodes of these names have
/// made; undefined for anything else.
torch::Tensor parameter_at(const RawCall& raw, size_t i, std::initializer_list<std::string_view> through) {
  const torch::Tensor tensor = tensor_at(raw, i);
  if (!tensor.defined() || !tensor.requires_grad()) return {};
  if (tensor.is_leaf()) return tensor;
  auto node = tensor.grad_fn();
  while (node && std::find(through.begin(), through.end(), node->name()) != through.end()) {
    node = node->next_edge(0).function;
  }
  const auto* leaf = dynamic_cast<torch::autograd::AccumulateGrad*>(node.get());
  return leaf ? torch::Tensor(leaf->variable) : torch::Tensor();
}

double number_at(const RawCall& raw, size_t i) {
  return raw.inputs.at(i).toScalar().toDouble();
}

/// One number stands for both dimensions.
std::vector<int64_t> pair_at(const RawCall& raw, size_t i) {
  const std::vector<int64_t> values = raw.inputs.at(i).toIntVector();
  return {values.front(), values.back()};
}

void expect(bool holds, const RawCall& raw, const char* what) {
  if (!holds) throw Error(fmt::format("layer tape: expected {} {}, got another", raw.name, what));
}

/// aten::addmm(bias, input, weight.t(), beta, alpha)
LayerCall linear_with_bias(const RawCall& raw) {
  LayerCall call{.kind = LayerCall::Kind::linear,
                 .input = tensor_at(raw, 1),
                 .weight = parameter_at(raw, 2, {"TBackward0"}),
                 .bias = parameter_at(raw, 0, {})};
  if (call.weight.defined()) expect(number_at(raw, 3) == 1 && number_at(raw, 4) == 1, raw, "without factors");
  return call;
}

/// aten::mm(input, weight.t())
LayerCall linear(const RawCall& raw) {
  return {.kind = LayerCall::Kind::linear,
          .input = tensor_at(raw, 0),
          .weight = parameter_at(raw, 1, {"TBackward0"}),
          .bias = {}};
}

/// aten::convolution(input, weight, bias, stride, padding, dilation, transposed, output_padding, groups)
LayerCall convolution(const RawCall& raw) {
  LayerCall call{.kind = LayerCall::Kind::convolution,
                 .input = tensor_at(raw, 0),
                 .weight = parameter_at(raw, 1, {"CloneBackward0"}),
                 .bias = parameter_at(raw, 2, {})};
  expect(call.input.dim() == 4 && !raw.inputs.at(6).toBool(), raw, "of images, not transposed");
  call.stride = pair_at(raw, 3);
  call.padding = pair_at(raw, 4);
  call.dilation = pair_at(raw, 5);
  call.groups = raw.inputs.at(8).toInt();
  return call;
}

/// aten::native_group_norm(input, weight, bias, batch, channels, pixels, groups, epsilon)
LayerCall group_norm(const RawCall& raw) {
  return {.kind = LayerCall::Kind::group_norm,
          .input = tensor_at(raw, 0),
          .weight = parameter_at(raw, 1, {}),
          .bias = parameter_at(raw, 2, {}),
          .groups = raw.inputs.at(6).toInt(),
          .epsilon = raw.inputs.at(7).toDouble()};
}

/// aten::add(input, other, alpha): a layer only if what is added is a parameter by channel.
LayerCall channel_bias(const RawCall& raw) {
  LayerCall call{.kind = LayerCall::Kind::channel_bias, .input = tensor_at(raw, 0)};
  const torch::Tensor added = tensor_at(raw, 1);
  if (!added.defined() || !call.input.defined() || added.dim() != 4 || call.input.dim() != 4) return call;
  const bool by_channel = added.size(0) == 1 && added.numel() == added.size(1) && added.size(1) == call.input.size(1);
  if (by_channel && number_at(raw, 2) == 1) call.bias = parameter_at(raw, 1, {"ViewBackward0"});
  return call;
}

using Reader = LayerCall (*)(const RawCall&);
const std::map<std::string_view, Reader>& readers() {
  static const std::map<std::string_view, Reader> readers{{"aten::addmm", linear_with_bias},
                                                          {"aten::mm", linear},
                                                          {"aten::convolution", convolution},
                                                          {"aten::native_group_norm", group_norm},
                                                          {"aten::add", channel_bias}};
  return readers;
}

std::unique_ptr<at::ObserverContext> on_start(const at::RecordFunction& function) {
  if (!recording || !readers().contains(function.name())) return nullptr;
  auto call = std::make_unique<RawCall>();
  call->name = function.name();
  call->inputs.assign(function.inputs().begin(), function.inputs().end());
  return call;
}

void on_end(const at::RecordFunction& function, at::ObserverContext* context) {
  if (!context || !recording || function.outputs().empty() || !function.outputs()[0].isTensor()) return;
  auto& call = static_cast<RawCall&>(*context);
  call.output = function.outputs()[0].toTensor();
  call.version = call.output._version();
  recording->push_back(std::move(call));
}

}  // namespace

struct LayerTape::Recording {
  std::vector<RawCall> calls;
};

LayerTape::LayerTape() : recording_(std::make_unique<Recording>()) {
  if (recording) throw Error("layer tape: expected none at work on this thread, got another one");
  recording = &recording_->calls;
  callback_ =
      at::addThreadLocalCallback(at::RecordFunctionCallback(on_start, on_end).needsInputs(true).needsOutputs(true));
}

LayerTape::~LayerTape() {
  at::removeCallback(callback_);
  recording = nullptr;
}

std::vector<LayerCall> LayerTape::calls() const {
  std::vector<LayerCall> calls;
  for (const RawCall& raw : recording_->calls) {
    LayerCall call = readers().at(raw.name)(raw);
    if (!call.weight.defined() && !call.bias.defined()) continue;
    expect(raw.output._version() == raw.version, raw, "whose output stays as it is");
    call.output = raw.output;
    calls.push_back(std::move(call));
  }
  return calls;
}

}  // namespace archleak::defenses
