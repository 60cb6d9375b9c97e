#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace nestbox::docker {

/// What an image that a Dockerfile names is called inside the engine.
using ImageNames = std::function<std::string(const std::string& image)>;

/// The Dockerfile with other images in `FROM` and `COPY --from=`; stages keep their names.
std::string renamed_images(std::string_view dockerfile, const ImageNames& names);

/// Gives the tar that a test's image is built from, as it passes by, a Dockerfile with the engine's
/// names of images. What is no plain tar, and a Dockerfile larger than 1 MiB, passes as it is.
class BuildArchive {
public:
  /// `dockerfile`: its path within the archive.
  BuildArchive(std::string dockerfile, ImageNames names);

  /// What goes on now that `bytes` have come.
  std::string take(std::string_view bytes);
  /// The same, now that no more will come.
  std::string finish();

private:
  bool step(std::string& out);
  void begin_entry(std::string& out);

  std::string m_dockerfile;
  ImageNames m_names;
  std::string m_pending;     ///< at most the Dockerfile, and what came with its end
  std::uint64_t m_left = 0;  ///< of an entry that passes
  std::string m_header;      ///< of the Dockerfile that is being gathered; empty: none is
  std::size_t m_size = 0;    ///< of that
  bool m_passing = false;    ///< all that follows goes as it is
};

}  // namespace nestbox::docker
