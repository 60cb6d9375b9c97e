#include "harness/env/environment.hpp"

#include "harness/env/initramfs_layer.hpp"
#include "harness/env/kernel_layer.hpp"

namespace nestbox {

EnvironmentBuilder::EnvironmentBuilder(LayerCache& cache, Driver& driver, Progress& progress)
    : m_cache(cache), m_driver(driver), m_progress(progress) {}

std::pair<fs::path, fs::path> EnvironmentBuilder::tiny_guest(LayerCache& cache, Progress& progress,
                                                             const CancelToken& cancel) {
  const BuildContext context{cache, progress, cancel};
  const Layer kernel = kernel_layer(context, k_default_suite);
  const Layer initramfs = initramfs_layer(context, kernel);
  return {kernel.directory() / "vmlinuz", initramfs.directory() / "tiny.cpio"};
}

}  // namespace nestbox
