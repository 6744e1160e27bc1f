/** Bills of materials: SPDX 2.3 and CycloneDX 1.6 as JSON, the same bytes for the same tree. */
import type { Inventory } from "./find.ts";
import { purlOf } from "./package.ts";

export interface DocumentSubject {
  /** What the packages were found in, as the user calls it. */
  readonly name: string;
  /** `sha256:…` of what names it: makes the document's own name unique. */
  readonly digest: string;
  /** ms; what the document says of when it was made. */
  readonly createdAt: number;
  readonly toolVersion: string;
}

const isoSeconds = (ms: number) => `${new Date(ms).toISOString().slice(0, 19)}Z`;

/** An SPDX expression is used as it is; free text is not one. */
const isExpression = (text: string) => /^[\w.+-]+( (AND|OR|WITH) [\w.+-]+)*$/.test(text);

/** spdx.github.io/spdx-spec/v2.3 */
export function spdxDocument(inventory: Inventory, subject: DocumentSubject): object {
  const { packages, distribution } = inventory;
  const root = "SPDXRef-DocumentRoot";
  const ids = packages.map((_, index) => `SPDXRef-Package-${index + 1}`);
  return {
    spdxVersion: "SPDX-2.3",
    dataLicense: "CC0-1.0",
    SPDXID: "SPDXRef-DOCUMENT",
    name: subject.name,
    documentNamespace: `https://cooper.invalid/spdx/${subject.digest.replace(":", "-")}`,
    creationInfo: {
      creators: [`Tool: cooper-${subject.toolVersion}`],
      created: isoSeconds(subject.createdAt),
      ...(inventory.isCut && { comment: "parts of the tree were too large to be looked at" }),
    },
    packages: [
      {
        SPDXID: root,
        name: subject.name,
        versionInfo: subject.digest,
        downloadLocation: "NOASSERTION",
        filesAnalyzed: false,
        primaryPackagePurpose: "CONTAINER",
      },
      ...packages.map((found, index) => ({
        SPDXID: ids[index],
        name: found.name,
        versionInfo: found.version,
        downloadLocation: "NOASSERTION",
        filesAnalyzed: false,
        sourceInfo: `found in /${found.place}`,
        licenseConcluded: "NOASSERTION",
        licenseDeclared:
          found.license !== null && isExpression(found.license) ? found.license : "NOASSERTION",
        copyrightText: "NOASSERTION",
        externalRefs: [
          {
            referenceCategory: "PACKAGE-MANAGER",
            referenceType: "purl",
            referenceLocator: purlOf(found, distribution),
          },
        ],
      })),
    ],
    relationships: [
      {
        spdxElementId: "SPDXRef-DOCUMENT",
        relationshipType: "DESCRIBES",
        relatedSpdxElement: root,
      },
      ...ids.map((id) => ({
        spdxElementId: root,
        relationshipType: "CONTAINS",
        relatedSpdxElement: id,
      })),
    ],
  };
}

/** cyclonedx.org/docs/1.6/json */
export function cycloneDxDocument(inventory: Inventory, subject: DocumentSubject): object {
  const { packages, distribution } = inventory;
  return {
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: {
      timestamp: isoSeconds(subject.createdAt),
      tools: {
        components: [{ type: "application", name: "cooper", version: subject.toolVersion }],
      },
      component: {
        type: "container",
        "bom-ref": subject.digest,
        name: subject.name,
        version: subject.digest,
      },
    },
    components: packages.map((found, index) => {
      const purl = purlOf(found, distribution);
      return {
        type: "library",
        // one package may be there twice, in two places
        "bom-ref": `${index + 1}-${purl}`,
        name: found.name,
        version: found.version,
        ...(found.license !== null && {
          licenses: [
            isExpression(found.license)
              ? { expression: found.license }
              : { license: { name: found.license } },
          ],
        }),
        purl,
        properties: [{ name: "cooper:place", value: `/${found.place}` }],
      };
    }),
    ...(inventory.isCut && {
      compositions: [{ aggregate: "incomplete", assemblies: [subject.digest] }],
    }),
  };
}
