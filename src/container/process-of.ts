/** What a container executes: the rules by which a spec and an image's config combine. */
import type { ImageConfig } from "../oci/image-config.ts";
import type { ContainerSpec } from "./spec.ts";

/** Entrypoint and arguments; an entrypoint of the spec drops the image's Cmd (docker-run(1), `--entrypoint`). */
export function commandOf(
  spec: Pick<ContainerSpec, "entrypoint" | "command">,
  image: ImageConfig | null,
): string[] {
  const entrypoint = spec.entrypoint ?? [...(image?.config?.Entrypoint ?? [])];
  const inherited = spec.entrypoint === null ? [...(image?.config?.Cmd ?? [])] : [];
  return [...entrypoint, ...(spec.command ?? inherited)];
}

/** Labels of the image with those of the spec over them. */
export function labelsOf(
  spec: Pick<ContainerSpec, "labels">,
  image: ImageConfig | null,
): Record<string, string> {
  return { ...image?.config?.Labels, ...spec.labels };
}
