/** All options of `run` and `create` that write into the spec. */
import type { SpecOption } from "./declare.ts";
import { environmentOptions } from "./environment.ts";
import { fileOptions } from "./files.ts";
import { healthOptions } from "./health.ts";
import { lifecycleOptions } from "./lifecycle.ts";
import { namespaceOptions } from "./namespaces.ts";
import { networkOptions } from "./network.ts";
import { processOptions } from "./process.ts";
import { resourceOptions } from "./resources.ts";
import { secretOptions } from "./secrets.ts";
import { securityOptions } from "./security.ts";

/** In the order of the rooms; help sorts them by name. */
export const createOptions: readonly SpecOption[] = [
  ...processOptions,
  ...environmentOptions,
  ...fileOptions,
  ...secretOptions,
  ...namespaceOptions,
  ...networkOptions,
  ...resourceOptions,
  ...securityOptions,
  ...lifecycleOptions,
  ...healthOptions,
];
