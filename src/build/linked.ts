/** Contexts that are other builds of the same bake: to the graph they are images. Pure. */
import { CooperError } from "../errors.ts";
import type { NamedContext } from "./stages.ts";

/** `target:NAME` */
interface LinkedContext {
  readonly kind: "target";
  readonly name: string;
}

/** What a name stands for, as it is asked. */
export type AskedContext = NamedContext | LinkedContext;

/** What an image is called that is another build's: no image can have this name. */
export const linkName = (target: string) => `target://${target}`;

/** @throws CooperError for a target that is not among `targets` */
export function withLinks(
  contexts: Readonly<Record<string, AskedContext>>,
  targets: { has(name: string): boolean },
): Record<string, NamedContext> {
  return named(contexts, (target) => {
    if (targets.has(target)) return { kind: "image", name: linkName(target) };
    throw new CooperError("invalid-argument", `there is no target ${target} to build on`, {
      hint: "targets are what cooper bake builds",
    });
  });
}

/** For who only looks at the Dockerfile: nothing is known of other builds. */
export const withoutLinks = (contexts: Readonly<Record<string, AskedContext>>) =>
  named(contexts, () => ({ kind: "image", name: "scratch" }));

function named(
  contexts: Readonly<Record<string, AskedContext>>,
  of: (target: string) => NamedContext,
): Record<string, NamedContext> {
  return Object.fromEntries(
    Object.entries(contexts).map(([name, context]) => [
      name,
      context.kind === "target" ? of(context.name) : context,
    ]),
  );
}
