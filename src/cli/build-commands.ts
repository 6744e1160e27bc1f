/** Commands around builds, and where each stands in the tree. */
import type { CommandEntry } from "./command.ts";
import { as, entry } from "./command-entry.ts";

const buildCache = () => import("./commands/build-cache.ts");
const builders = () => import("./commands/builders.ts");

export const buildCommands: readonly CommandEntry[] = [
  entry(
    "image build",
    "build,builder build,buildx build,buildx b",
    "Build an image from a Dockerfile",
    async () => as((await import("./commands/build.ts")).build),
  ),
  entry("buildx bake", "bake,buildx f", "Build what files say", async () =>
    as((await import("./commands/bake.ts")).bake),
  ),
  entry(
    "builder prune",
    "buildx prune,build prune",
    "Remove what builds keep for later ones",
    async () => as((await buildCache()).prune),
  ),
  entry("buildx du", "builder du", "Show what builds keep for later ones", async () =>
    as((await buildCache()).du),
  ),
  entry("buildx imagetools inspect", "", "Show what a registry has of an image", async () =>
    as((await import("./commands/imagetools.ts")).inspect),
  ),
  entry("buildx inspect", "", "Show the builder", async () => as((await builders()).inspect)),
  entry("buildx ls", "", "List builders, of which there is one", async () =>
    as((await builders()).ls),
  ),
  entry("buildx use", "", "Choose a builder, of which there is one", async () =>
    as((await builders()).use),
  ),
  entry("buildx version", "", "Show the version", async () => as((await builders()).version)),
];
