/** What the name of an image to pull means, asking the user where that is open. */
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import { type Digest, isDigest } from "../oci/digest.ts";
import {
  formatReference,
  formatRepository,
  parseName,
  type Reference,
  withDefaultTag,
} from "../oci/reference.ts";
import {
  addRepoDigest,
  type Image,
  imageByName,
  imagesByPrefix,
  setReference,
} from "../records/images.ts";
import { type RegistriesConf, rememberedAliasesFile } from "../registry/registries-conf.ts";
import { assertMayGuess, meaningsOf, rememberAlias } from "../registry/short-names.ts";

/** How an open name is decided. */
export interface NameChoice {
  /** Which of several registries a short name means; null: none of them. Asked where there is a terminal. */
  chooseRegistry?(name: string, choices: readonly string[]): Promise<number | null>;
}

/** The error for a short name that no registry is configured for. */
export const noRegistry = (name: string) =>
  new CooperError("invalid-argument", `no registry is configured for the short name "${name}"`, {
    hint: `name one, as in docker.io/library/${name}, or set unqualified-search-registries in /etc/containers/registries.conf`,
  });

/** What a name may mean, best first; a choice that the user makes is kept once it has proved right. */
export async function referencesFor(
  host: Host,
  name: string,
  conf: RegistriesConf,
  options: NameChoice,
): Promise<{ references: readonly Reference[]; remember?: (chosen: Reference) => Promise<void> }> {
  const parsed = withDefaultTag(parseName(name));
  const meanings = meaningsOf(conf, parsed);
  const { chooseRegistry } = options;
  if (!meanings.isOpen || chooseRegistry === undefined) {
    assertMayGuess(conf, name, meanings);
    return { references: meanings.references };
  }
  const choices = meanings.references.map(formatReference);
  const chosen = meanings.references[(await chooseRegistry(name, choices)) ?? -1];
  if (chosen === undefined)
    throw new CooperError("cancelled", `no registry was chosen for the short name "${name}"`);
  const file = rememberedAliasesFile(process.env, host.isRootless);
  return {
    references: [chosen],
    ...(file !== undefined && {
      remember: (proved) => rememberAlias(file, parsed.repository, formatRepository(proved)),
    }),
  };
}

/** The names that an image gets by being pulled under a reference: none by digest. */
export function namesOf(host: Host, reference: Reference, keepsNames = false): string[] {
  if (reference.digest !== null || reference.tag === null) return [];
  const name = formatReference(reference);
  return keepsNames && imageByName(host.database, [name]) !== undefined ? [] : [name];
}

/** What it is known by in its repository from then on. */
export const repoDigestsOf = (
  reference: Reference,
  manifests: readonly { readonly digest: string }[],
): string[] => manifests.map(({ digest }) => `${formatRepository(reference)}@${digest}`);

/** The digest of the manifest that an image here came with. */
export function ownDigest({ manifestDigest }: Image, name: string): Digest {
  if (isDigest(manifestDigest)) return manifestDigest;
  throw new CooperError("internal", `the image ${name} has lost its manifest's digest`);
}

/** The tag may be new, or have moved, though the image is not. */
export function nameAgain(
  host: Host,
  image: Image,
  { reference, digest }: { readonly reference: Reference; readonly digest: string },
  { keepsNames }: { readonly keepsNames?: boolean },
): Image {
  const names = namesOf(host, reference, keepsNames);
  const digests = repoDigestsOf(reference, [{ digest }]);
  const isNamed =
    names.every((each) => image.names.includes(each)) &&
    digests.every((each) => image.repoDigests.includes(each));
  if (isNamed) return image; // nothing is written: that would cost more than the question did
  const name = host.database.transaction(() => {
    for (const each of names) setReference(host.database, each, image.id);
    for (const each of digests) addRepoDigest(host.database, each, image.id);
  });
  name.immediate();
  return imagesByPrefix(host.database, image.id)[0] ?? image;
}
