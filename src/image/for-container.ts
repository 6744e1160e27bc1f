/** The image that a container is made from: found in the store, or pulled as the spec allows. */
import type { ContainerImage } from "../container/create.ts";
import type { ContainerSpec } from "../container/spec.ts";
import type { Host } from "../host.ts";
import { findImage } from "./resolve.ts";
