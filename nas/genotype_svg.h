#pragma once
#include <string>

#include "nas/genotype.h"

namespace archleak::nas {

/// A drawing of both cells as an SVG document: states in layers from left to right, each edge with the name of its
/// operation in the operation's colour, and a legend of the operations used. `title` may be empty. Throws DataError for
/// a genotype that does not validate.
std::string genotype_svg(const Genotype& genotype, const std::string& title);

}  // namespace archleak::nas
