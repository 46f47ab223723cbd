#include "data/registry.h"

#include <spdlog/fmt/ranges.h>

#include "core/error.h"
#include "data/cifar.h"
#include "data/digits.h"
#include "data/gtsrb.h"
#include "data/idx.h"
#include "data/image_folder.h"
#include "data/stl10.h"
#include "data/synthetic_table.h"
#include "data/table.h"
#include "data/textures.h"

namespace archleak::data {
namespace {

using Path = std::filesystem::path;

DatasetInfo synthetic(const SyntheticSet& set, const std::string& description, std::vector<float> mean,
                      std::vector<float> deviation) {
  DatasetInfo info{.name = set.name,
                   .description = description,
                   .shape = set.shape,
                   .classes = set.classes,
                   .synthetic = true,
                   .folder = {},
                   .files = {},
                   .downloads = {},
                   .mean = std::move(mean),
                   .deviation = std::move(deviation),
                   .read = {}};
  info.read = [set](const Path&, const DataOptions& options, uint64_t seed) {
    return draw_splits(set, seed, options.train_size, options.test_size);
  };
  return info;
}

/// MNIST and sets in its layout; the md5 sums are of the training images and labels, then the test images and labels.
DatasetInfo mnist_like(const std::string& name, const std::string& description, const std::string& url,
                       const std::vector<std::string>& md5, float mean, float deviation) {
  DatasetInfo info{.name = name,
                   .description = description,
                   .shape = {1, 28, 28},
                   .classes = 10,
                   .folder = name,
                   .files = {},
                   .downloads = {},
                   .mean = {mean},
                   .deviation = {deviation},
                   .read = {}};
  const std::vector<std::string> stems = {"train-images-idx3", "train-labels-idx1", "t10k-images-idx3",
                                          "t10k-labels-idx1"};
  for (size_t i = 0; i < stems.size(); ++i) {
    const std::string file = stems[i] + "-ubyte.gz";
    info.files.push_back(name + "/" + file);
    info.downloads.push_back({url + file, name + "/" + file, md5[i]});
  }
  info.read = [name](const Path& root, const DataOptions&, uint64_t) { return read_mnist(root / name, name); };
  return info;
}

DatasetInfo cifar(int64_t classes, const std::string& md5, std::vector<float> mean, std::vector<float> deviation) {
  const std::string number = std::to_string(classes);
  const bool ten = classes == 10;
  const std::string folder = ten ? "cifar-10-batches-bin" : "cifar-100-binary";
  DatasetInfo info{.name = "cifar" + number,
                   .description = "small photographs, " + number + " classes",
                   .shape = {3, 32, 32},
                   .classes = classes,
                   .folder = folder,
                   .files = {},
                   .downloads = {},
                   .mean = std::move(mean),
                   .deviation = std::move(deviation),
                   .read = {}};
  const std::string archive = "cifar-" + number + "-binary.tar.gz";
  info.files = ten ? std::vector<std::string>{folder + "/data_batch_1.bin", folder + "/test_batch.bin"}
                   : std::vector<std::string>{folder + "/train.bin", folder + "/test.bin"};
  info.downloads = {{"https://www.cs.toronto.edu/~kriz/" + archive, archive, md5}};
  info.read = [ten, folder](const Path& root, const DataOptions&, uint64_t) {
    return ten ? read_cifar10(root / folder) : read_cifar100(root / folder);
  };
  return info;
}

DatasetInfo stl10() {
  DatasetInfo info{.name = "stl10",
                   .description = "photographs, 10 classes, labelled part",
                   .shape = {3, 96, 96},
                   .classes = 10,
                   .folder = "stl10_binary",
                   .files = {},
                   .downloads = {},
                   .mean = {0.4467f, 0.4398f, 0.4066f},
                   .deviation = {0.2603f, 0.2566f, 0.2713f},
                   .read = {}};
  for (const char* file : {"train_X.bin", "train_y.bin", "test_X.bin", "test_y.bin"}) {
    info.files.push_back(info.folder + "/" + file);
  }
  info.downloads = {{"http://ai.stanford.edu/~acoates/stl10/stl10_binary.tar.gz", "stl10_binary.tar.gz",
                     "91f7769df0f17e558f3565bffb0c7dfb"}};
  info.read = [](const Path& root, const DataOptions&, uint64_t) { return read_stl10(root / "stl10_binary"); };
  return info;
}

DatasetInfo gtsrb() {
  const std::string folder = "GTSRB/Final_Training/Images";
  DatasetInfo info{.name = "gtsrb",
                   .description = "German traffic signs, split by sign",
                   .shape = {3, 32, 32},
                   .classes = 43,
                   .folder = folder,
                   .files = {folder + "/00000/GT-00000.csv"},
                   .downloads = {},
                   .mean = {0.3337f, 0.3064f, 0.3171f},
                   .deviation = {0.2672f, 0.2564f, 0.2629f},
                   .read = {}};
  const std::string archive = "GTSRB_Final_Training_Images.zip";
  info.downloads = {{"https://sid.erda.dk/public/archives/daaeac0d7ce1152aea9b61d9f1e19370/" + archive, archive, ""}};
  info.read = [folder](const Path& root, const DataOptions& options, uint64_t) {
    return read_gtsrb(root / folder, options.image_size, options.region_of_interest);
  };
  return info;
}

DatasetInfo table(const std::string& name, const std::string& description, const std::string& file,
                  const TableFormat& format) {
  DatasetInfo info{.name = name,
                   .description = description,
                   .shape = {format.features, 1, 1},
                   .classes = format.classes,
                   .folder = Path(file).parent_path().string(),
                   .files = {file},
                   .downloads = {},
                   .mean = {0},
                   .deviation = {1},
                   .read = {}};
  if (!format.label_file.empty()) info.files.push_back(format.label_file.string());
  info.read = [name, file, format](const Path& root, const DataOptions&, uint64_t) {
    TableFormat found = format;
    if (!found.label_file.empty()) found.label_file = root / found.label_file;
    return read_table(root / file, name, found);
  };
  return info;
}

/// Data of the user's own, at `options.path`.
DatasetInfo own_data(const std::string& name, const std::string& description) {
  DatasetInfo info{.name = name,
                   .description = description,
                   .shape = {0, 0, 0},
                   .folder = {},
                   .files = {},
                   .downloads = {},
                   .mean = {},
                   .deviation = {},
                   .read = {}};
  info.read = [name](const Path& root, const DataOptions& options, uint64_t) {
    const Path path = root / options.path;
    return name == "folder" ? read_image_folder(path, options.image_size)
                            : read_table(path, path.filename().string(), {});
  };
  return info;
}

}  // namespace

bool DatasetInfo::present(const std::filesystem::path& root) const {
  for (const std::string& file : files) {
    const Path plain = (root / file).replace_extension();
    const bool unpacked = file.ends_with(".gz") && std::filesystem::exists(plain);
    if (!unpacked && !std::filesystem::exists(root / file)) return false;
  }
  return synthetic || !files.empty();
}

std::vector<DatasetInfo> registry() {
  std::vector<DatasetInfo> all;
  all.push_back(synthetic(digits(), "handwritten digits, drawn", {0.12f}, {0.27f}));
  all.push_back(synthetic(textures10(), "shapes on stripes, drawn", {0.42f, 0.42f, 0.42f}, {0.22f, 0.22f, 0.22f}));
  all.push_back(synthetic(textures100(), "shapes on stripes, all combinations, drawn", {0.42f, 0.42f, 0.42f},
                          {0.22f, 0.22f, 0.22f}));
  all.push_back(synthetic(table30(), "binary table rows, drawn", {0}, {1}));
  all.push_back(mnist_like("mnist", "handwritten digits", "https://ossci-datasets.s3.amazonaws.com/mnist/",
                           {"f68b3c2dcbeaaa9fbdd348bbdeb94873", "d53e105ee54ea40749a09fcbcd1e9432",
                            "9fb629c4189551a2d022fa330f9573f3", "ec29112dd5afa0611ce80d1b7f02629c"},
                           0.1307f, 0.3081f));
  all.push_back(mnist_like("fashion-mnist", "clothes, in MNIST's layout",
                           "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
                           {"8d4fb7e6c68d591d4c3dfef9ec88bf0d", "25c81989df183df01b3e8a0aad5dffbe",
                            "bef4ecab320f06d8554ea6380940ec79", "bb300cfdad3c16e7a12a480ee83cd310"},
                           0.2860f, 0.3530f));
  all.push_back(cifar(10, "c32a1d4ab5d03f1284b67883e8d87530", {0.49139968f, 0.48215827f, 0.44653124f},
                      {0.24703233f, 0.24348505f, 0.26158768f}));
  all.push_back(
      cifar(100, "03b5dce01913d631647c71ecec9e9cb8", {0.5071f, 0.4867f, 0.4408f}, {0.2675f, 0.2565f, 0.2761f}));
  all.push_back(stl10());
  all.push_back(gtsrb());
  all.push_back(table("location", "check-ins of persons in Bangkok", "location/bangkok", {446, 30, {}}));
  all.push_back(table("purchase100", "shopping histories", "purchase/dataset_purchase", {600, 100, {}}));
  all.push_back(table("texas100", "hospital stays", "texas/100/feats", {6169, 100, "texas/100/labels"}));
  all.push_back(own_data("folder", "your images: PATH/{train,test}/CLASS/*.png"));
  all.push_back(own_data("table", "your table: label, then binary features"));
  return all;
}

std::vector<std::string> dataset_names() {
  std::vector<std::string> names;
  for (const DatasetInfo& info : registry()) names.push_back(info.name);
  return names;
}

DatasetInfo find_dataset(const std::string& name) {
  for (DatasetInfo& info : registry()) {
    if (info.name == name) return std::move(info);
  }
  throw ConfigError(fmt::format("expected a dataset ({}), got '{}'", fmt::join(dataset_names(), ", "), name));
}

}  // namespace archleak::data
