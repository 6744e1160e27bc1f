/** What is asked of an image besides its Dockerfile. Pure. */
import type { ImageConfig } from "../oci/image-config.ts";
import type { ResultConfig } from "./graph.ts";

export interface ImageOverrides {
  /** --env: variables of the image, of which its steps see nothing. */
  readonly env: Readonly<Record<string, string>>;
  readonly unsetEnv: readonly string[];
  /** Labels of base images that are not taken over. */
  readonly unsetLabels: readonly string[];
  readonly inheritsLabels: boolean;
  readonly omitsHistory: boolean;
  /** What the first FROM begins with; null: what it says. */
  readonly from: string | null;
}

export const noOverrides: ImageOverrides = {
  env: {},
  unsetEnv: [],
  unsetLabels: [],
  inheritsLabels: true,
  omitsHistory: false,
  from: null,
};

/** The configuration of a base image, without the labels that are not wanted. */
export function baseConfig(image: ImageConfig, overrides: ImageOverrides): ImageConfig {
  const labels = Object.entries(image.config?.Labels ?? {});
  const kept = labels.filter(
    ([name]) => overrides.inheritsLabels && !overrides.unsetLabels.includes(name),
  );
  if (kept.length === labels.length) return image;
  return { ...image, config: { ...image.config, Labels: Object.fromEntries(kept) } };
}

/** The variables of the image that comes out. */
export function resultEnv(env: ResultConfig["Env"], overrides: ImageOverrides): string[] {
  const values = new Map(
    env.map((entry) => [entry.slice(0, entry.indexOf("=")), entry.slice(entry.indexOf("=") + 1)]),
  );
  for (const [name, value] of Object.entries(overrides.env)) values.set(name, value);
  for (const name of overrides.unsetEnv) values.delete(name);
  return [...values].map(([name, value]) => `${name}=${value}`);
}
