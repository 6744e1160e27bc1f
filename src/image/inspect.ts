/** `image inspect`: the document that scripts of both peers read. */
import type { Host } from "../host.ts";
import type { ProcessConfig } from "../oci/image-config.ts";
import { attestationsOf } from "../records/attestations.ts";
import { manifestsOf } from "../records/images.ts";
import { layerStack, resolveImage } from "./resolve.ts";

/** Everything known of an image, with the field names of podman-image-inspect(1); Docker's are among them. */
export function inspectImage(host: Host, name: string): Record<string, unknown> {
  const image = resolveImage(host, name);
  const { config } = image;
  const manifest = manifestsOf(host.database, image.id).find(
    ({ digest }) => digest === image.manifestDigest,
  );
  const healthCheck = config.config?.Healthcheck;
  return {
    Id: image.id,
    Digest: image.manifestDigest ?? "",
    RepoTags: image.names,
    RepoDigests: image.repoDigests,
    Parent: image.parentId ?? "",
    Comment: config.comment ?? config.history?.at(-1)?.comment ?? "",
    Created: config.created ?? null,
    Config: withAllFields(config.config ?? {}),
    DockerVersion: "",
    Version: "",
    Author: config.author ?? "",
    Architecture: config.architecture,
    Os: config.os,
    ...(config.variant !== undefined && config.variant !== "" && { Variant: config.variant }),
    Size: image.size,
    VirtualSize: image.size,
    GraphDriver: { Name: "overlay", Data: graphData(layerStack(host, image)) },
    RootFS: { Type: "layers", Layers: config.rootfs.diff_ids },
    Labels: config.config?.Labels ?? null,
    Annotations: manifest === undefined ? {} : annotationsOf(manifest.text),
    ManifestType: manifest?.mediaType ?? "",
    User: config.config?.User ?? "",
    History: config.history ?? [],
    NamesHistory: image.names,
    ...(healthCheck && { Healthcheck: healthCheck, HealthCheck: healthCheck }),
    Attestations: attestationsOf(host.database, image.id).map(({ predicateType, predicate }) => ({
      PredicateType: predicateType,
      // lists of packages are long: `image sbom` shows them
      ...(predicateType.startsWith("https://slsa.dev/") && { Predicate: predicate }),
    })),
    Metadata: { LastTagTime: new Date(image.addedAt).toISOString() },
  };
}

/** Templates name fields that the image leaves out: Go's structs always have them. */
function withAllFields(config: ProcessConfig): Record<string, unknown> {
  const given = Object.fromEntries(Object.entries(config).filter(([, value]) => value !== null));
  return {
    User: "",
    ExposedPorts: null,
    Env: [],
    Entrypoint: null,
    Cmd: null,
    Volumes: null,
    WorkingDir: "",
    Labels: null,
    StopSignal: "",
    OnBuild: null,
    ...given,
  };
}

function graphData(topmostFirst: readonly string[]): Record<string, string> {
  const [upper = "", ...lower] = topmostFirst;
  return { ...(lower.length > 0 && { LowerDir: lower.join(":") }), UpperDir: upper };
}

/** It was decoded when it came in. */
function annotationsOf(text: string): unknown {
  return (JSON.parse(text) as { annotations?: unknown }).annotations ?? {};
}
