#include "models/count.h"

#include <ATen/record_function.h>

#include <cstring>
#include <memory>

namespace archleak::models {
namespace {

// Torch's observers are plain function pointers: this is how they reach the count of the thread that they watch.
thread_local int64_t* current_count = nullptr;

/// Carries from an operator's start to its end how many multiply-adds one number of its result takes.
struct PerOutput : at::ObserverContext {
  explicit PerOutput(int64_t multiply_adds) : multiply_adds(multiply_adds) {}
  int64_t multiply_adds;
};

std::unique_ptr<at::ObserverContext> on_start(const at::RecordFunction& function) {
  const auto inputs = function.inputs();
  const auto is = [&function](const char* name) { return std::strcmp(function.name(), name) == 0; };
  if (is("aten::convolution")) {
    const at::Tensor& weight = inputs[1].toTensor();
    const bool transposed = inputs[6].toBool();
    if (!transposed) return std::make_unique<PerOutput>(weight.numel() / weight.size(0));
    *current_count += inputs[0].toTensor().numel() * (weight.numel() / weight.size(0));
  } else if (is("aten::addmm") || is("aten::baddbmm")) {
    return std::make_unique<PerOutput>(inputs[1].toTensor().size(-1));
  } else if (is("aten::mm") || is("aten::bmm")) {
    return std::make_unique<PerOutput>(inputs[0].toTensor().size(-1));
  }
  return nullptr;
}

void on_end(const at::RecordFunction& function, at::ObserverContext* context) {
  if (!context) return;
  *current_count += static_cast<PerOutput*>(context)->multiply_adds * function.outputs()[0].toTensor().numel();
}

/// Watches this thread's operators while it lives.
class Watch {
 public:
  explicit Watch(int64_t& count) {
    current_count = &count;
    handle_ = at::addThreadLocalCallback(at::RecordFunctionCallback(on_start, on_end)
                                             .needsInputs(true)
                                             .needsOutputs(true)
                                             .scopes({at::RecordScope::FUNCTION}));
  }
  ~Watch() {
    at::removeCallback(handle_);
    current_count = nullptr;
  }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

 private:
  at::CallbackHandle handle_;
};

}  // namespace

NetworkCost count_cost(Network& network, ExampleShape shape) {
  NetworkCost cost;
  const auto parameters = network.parameters();
  for (const auto& parameter : parameters) cost.weights += parameter.numel();
  const auto options = parameters.empty() ? torch::TensorOptions() : parameters[0].options().requires_grad(false);
  const torch::Tensor image = torch::zeros({1, shape.channels, shape.height, shape.width}, options);
  const torch::NoGradGuard no_grad;
  const bool training = network.is_training();
  network.eval();
  {
    const Watch watch(cost.multiply_adds);
    network.forward(image);
  }
  network.train(training);
  return cost;
}

}  // namespace archleak::models
