/** Planning with images at hand: their configurations are looked up until the graph is whole. */
import type { ImageConfig } from "../oci/image-config.ts";
import type { Graph } from "./graph.ts";
import { type GraphInput, imageKey, type NeededImage, planGraph } from "./stages.ts";

/** Where configurations come from. */
export interface ConfigSource {
  get(image: NeededImage): Promise<{ readonly config: ImageConfig }>;
}

/** Looks at images until the graph is whole. */
export async function planAll(
  images: ConfigSource,
  input: Omit<GraphInput, "images">,
): Promise<Graph> {
  const configs = new Map<string, ImageConfig>();
  for (;;) {
    const planned = planGraph({ ...input, images: configs });
    if (planned.kind === "graph") return planned.graph;
    const found = await Promise.all(planned.images.map((image) => images.get(image)));
    planned.images.forEach((image, index) => {
      const config = found[index]?.config;
      if (config !== undefined) configs.set(imageKey(image), config);
    });
  }
}
