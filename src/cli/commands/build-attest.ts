/** `--attest`, `--sbom` and `--provenance`, as buildx spells them. */
import type { AttestOptions } from "../../build/attest/attest.ts";
import { CooperError } from "../../errors.ts";
import { pairs } from "../pairs.ts";
import { fieldsOf, truth } from "./build-output.ts";

interface AttestWords {
  readonly attest: readonly string[];
  readonly sbom?: string | undefined;
  readonly provenance?: string | undefined;
}

/** What was asked for; of each kind what is given last. */
export function attestationsOf({ attest, sbom, provenance }: AttestWords): AttestOptions {
  const texts = [
    ...attest,
    ...(sbom === undefined ? [] : [longForm("sbom", sbom)]),
    ...(provenance === undefined ? [] : [longForm("provenance", provenance)]),
  ];
  let asked: AttestOptions = { sbom: false, provenance: null };
  for (const text of texts) {
    const { type, disabled, ...words } = pairs(fieldsOf(text), "attestation");
    const isOff = disabled !== undefined && truth("disabled", disabled);
    if (type === "sbom") asked = { ...asked, sbom: !isOff && isSbom(words) };
    else if (type === "provenance")
      asked = { ...asked, provenance: isOff ? null : provenanceOf(words) };
    else
      throw new CooperError(
        "invalid-argument",
        `--attest: ${type ?? text} is no type of attestation`,
        {
          hint: "there are type=sbom and type=provenance",
        },
      );
  }
  return asked;
}

/** `true`, `false`, `max`, or the words of --attest without their type. */
function longForm(type: string, text: string): string {
  if (/^(?:min|max)$/.test(text)) return `type=${type},mode=${text}`;
  if (text.includes("=")) return `type=${type},${text}`;
  if (/^(?:1|0|t|f|true|false)$/i.test(text))
    return `type=${type},disabled=${!truth(`--${type}`, text.toLowerCase())}`;
  throw new CooperError("not-supported", `--${type} ${text} is not supported`, {
    hint: `${type === "sbom" ? "packages are looked for without another program: " : ""}--${type}=true`,
  });
}

function isSbom(words: Readonly<Record<string, string>>): true {
  const [unknown] = Object.keys(words);
  if (unknown !== undefined)
    throw new CooperError("not-supported", `--sbom: ${unknown} is not supported`, {
      hint: "packages are looked for without another program: --sbom=true",
    });
  return true;
}

function provenanceOf({
  mode = "min",
  version = "v1",
  "builder-id": builderId = "",
  reproducible = "false",
  ...rest
}: Readonly<Record<string, string>>): AttestOptions["provenance"] {
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined)
    throw new CooperError("not-supported", `--provenance: ${unknown} is not supported`);
  if (mode !== "min" && mode !== "max")
    throw new CooperError(
      "invalid-argument",
      `--provenance: the mode ${mode} is neither min nor max`,
    );
  if (version !== "v1" && version !== "v0.2")
    throw new CooperError("not-supported", `--provenance: there are the versions v1 and v0.2`);
  return { mode, version, builderId, isReproducible: truth("reproducible", reproducible) };
}
