#include "defenses/inference_network.h"

#include <spdlog/fmt/fmt.h>

#include "core/error.h"

namespace archleak::defenses {
namespace {

torch::nn::Sequential branch(int64_t inputs, const std::vector<int64_t>& widths) {
  torch::nn::Sequential layers;
  for (const int64_t width : widths) {
    layers->push_back(torch::nn::Linear(inputs, width));
    layers->push_back(torch::nn::ReLU());
    inputs = width;
  }
  return layers;
}

/// What a branch gives; one without layers gives its inputs.
int64_t outputs(int64_t inputs, const std::vector<int64_t>& widths) {
  return widths.empty() ? inputs : widths.back();
}

torch::Tensor run(torch::nn::Sequential& branch, const torch::Tensor& inputs) {
  return branch->is_empty() ? inputs : branch->forward(inputs);
}

int64_t parameters(int64_t inputs, const std::vector<int64_t>& widths) {
  int64_t count = 0;
  for (const int64_t width : widths) {
    count += (inputs + 1) * width;
    inputs = width;
  }
  return count;
}

int64_t joint_inputs(int64_t classes, const AdversarialOptions& options) {
  return outputs(classes, options.prediction_layers) + outputs(classes, options.label_layers);
}

}  // namespace

InferenceNetwork::InferenceNetwork(int64_t classes, const AdversarialOptions& options)
    : classes_(classes),
      predictions_(branch(classes, options.prediction_layers)),
      labels_(branch(classes, options.label_layers)),
      joint_(branch(joint_inputs(classes, options), options.joint_layers)) {
  joint_->push_back(torch::nn::Linear(outputs(joint_inputs(classes, options), options.joint_layers), 1));
  register_module("predictions", predictions_);
  register_module("labels", labels_);
  register_module("joint", joint_);
}

torch::Tensor InferenceNetwork::forward(const torch::Tensor& probabilities, const torch::Tensor& labels) {
  const torch::Tensor one_hot = torch::one_hot(labels, classes_).to(probabilities.dtype());
  return joint_->forward(torch::cat({run(predictions_, probabilities), run(labels_, one_hot)}, 1)).squeeze(1);
}

int64_t inference_parameters(int64_t classes, const AdversarialOptions& options) {
  const int64_t joint = joint_inputs(classes, options);
  return parameters(classes, options.prediction_layers) + parameters(classes, options.label_layers) +
         parameters(joint, options.joint_layers) + outputs(joint, options.joint_layers) + 1;
}

void check_inference_network(int64_t classes, const AdversarialOptions& options) {
  const int64_t parameters = inference_parameters(classes, options);
  if (parameters <= kMostInferenceParameters) return;
  throw ConfigError(fmt::format(
      "defense.adversarial: expected an inference network of at most {} parameters, since each client keeps "
      "its own, got {} for {} classes; give prediction_layers, label_layers or joint_layers smaller widths",
      kMostInferenceParameters, parameters, classes));
}

}  // namespace archleak::defenses
