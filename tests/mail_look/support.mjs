// What Can I email says Gmail, Outlook and Apple Mail do not know: `node support.mjs
// NODE_MODULES`, parts as JSON on standard input, findings as JSON on standard output.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const require = createRequire(join(process.argv[2], 'none.js'));
const path = require.resolve('@jsx-email/doiuse-email');
const { doIUseEmail } = await import(pathToFileURL(path));

// Where these are not known, the mail stands without them.
const LEFT_ASIDE = [
  // Narrow screens keep wider margins, dark ones get the light colours.
  '`@media`',
  // Becomes a `div`; the table below it has the ground and the width.
  '`<body> element`',
  // The preheader is read there before the rest.
  '`display:none`',
  // Only breaks words that are longer than a line; Outlook's own table keeps 600 pixels.
  '`table-layout`',
  // Only tells readers of screens that a table is no table.
  '`role attribute`',
];

const findings = new Set();
for (const { name, html } of JSON.parse(readFileSync(0, 'utf8'))) {
  const clients = ['gmail.*', 'outlook.*', 'apple-mail.*'];
  for (const error of doIUseEmail(html, { emailClients: clients }).errors ?? []) {
    if (!LEFT_ASIDE.some((feature) => error.startsWith(feature))) {
      findings.add(`${name}: ${error}`);
    }
  }
}
console.log(JSON.stringify([...findings]));
