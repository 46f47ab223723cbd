#pragma once
#include <memory>
#include <string>
#include <vector>

#include "core/shape.h"
#include "models/network.h"

namespace archleak::models {

/// Builds a fixed network by name, its weights drawn from `init` (see models/families.h for what each is):
///
/// images: "cnn", "alexnet", "vgg16", "resnet18", "resnet20", "resnet32", "resnet56", "wide_resnet32_4",
/// "wide_resnet28_4", "mobilenet", "densenet40_12"; tables: "fcn18_1" to "fcn18_4", "column_fc". A family's bare name
/// ("vgg", "resnet", "wide_resnet", "densenet", "fcn") is its first network of that list.
///
/// All are StagedNetworks. Image networks take any number of channels and sides from 28 up; table networks take any
/// shape, flattened. Throws ConfigError for an unknown name (naming the nearest), fewer than two classes, or a shape
/// that the network cannot take.
std::shared_ptr<Network> make_network(const std::string& name, ExampleShape shape, int64_t classes,
                                      const at::Generator& init);

/// All names that `make_network` takes.
std::vector<std::string> network_names();

}  // namespace archleak::models
