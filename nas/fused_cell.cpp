#include "nas/fused_cell.h"

#include <ATen/Parallel.h>

#include "core/error.h"
#include "nas/fused_pass.h"

namespace archleak::nas {
namespace {

// Inputs: the two states, the mixture's weights, for each edge from an input of a reduction cell the skip's value, then
// for each edge its twelve filters.
class FusedNodes : public torch::autograd::Function<FusedNodes> {
 public:
  static torch::Tensor forward(torch::autograd::AutogradContext* context, const torch::Tensor& first,
                               const torch::Tensor& second, const torch::Tensor& weights, at::TensorList skips,
                               at::TensorList filters, const Cell* cell, bool with_backward) {
    auto pass = make_fused_pass(*cell, first, second, weights, skips, filters, with_backward);
    context->saved_data["pass"] = torch::IValue::make_capsule(pass);
    return pass->forward();
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& output_gradient) {
    const auto capsule = context->saved_data["pass"].toCapsule();
    auto& pass = static_cast<FusedPass&>(*capsule);
    const size_t first_filter = 3 + pass.skip_count();
    const bool filters = context->needs_input_grad({{first_filter, first_filter + pass.filter_count()}});
    auto gradients =
        pass.backward(output_gradient[0],
                      {.states = {context->needs_input_grad(0), context->needs_input_grad(1)}, .filters = filters});
    gradients.resize(gradients.size() + 2);  // the arguments that are no tensors
    return gradients;
  }
};

}  // namespace

torch::Tensor fused_nodes(const Cell& cell, const NodeState& first, const NodeState& second,
                          const torch::Tensor& weights) {
  if (!first.value.is_cpu()) throw Error("fused execution: expected tensors on the CPU, got another device");
  const auto type = first.value.scalar_type();
  if (type != torch::kFloat32 && type != torch::kFloat64) {
    throw Error(std::string("fused execution: expected float32 or float64, got ") + c10::toString(type));
  }
  std::vector<torch::Tensor> skips, filters;
  for (const auto& edge : cell.edges) {
    if (edge->stride == 2) {
      const NodeState& from = skips.size() % 2 ? second : first;  // only edges from the inputs have stride 2
      skips.push_back(edge->operations[kSkip]->forward(from).contiguous(torch::MemoryFormat::ChannelsLast));
    }
    for (int64_t i = kSeparable3; i <= kDilated5; ++i) {
      for (const auto& unit : static_cast<Separable&>(*edge->operations[i]).units) {
        filters.push_back(unit.depthwise->weight);
        filters.push_back(unit.pointwise->weight);
      }
    }
  }
  return FusedNodes::apply(first.value.contiguous(torch::MemoryFormat::ChannelsLast),
                           second.value.contiguous(torch::MemoryFormat::ChannelsLast), weights.contiguous(),
                           at::TensorList(skips), at::TensorList(filters), &cell, torch::GradMode::is_enabled());
}

}  // namespace archleak::nas
