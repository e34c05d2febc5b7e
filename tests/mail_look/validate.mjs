// What html-validate says of HTML parts: `node validate.mjs NODE_MODULES`, parts as JSON on
// standard input, findings as JSON on standard output.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const require = createRequire(join(process.argv[2], 'none.js'));
const { HtmlValidate } = require('html-validate');

const profile = new HtmlValidate({
  extends: ['html-validate:standard', 'html-validate:a11y'],
  rules: {
    // Classic Outlook centres and spaces tables by these attributes and by nothing else.
    'no-deprecated-attr': 'off',
    // Mail programs drop the element `main`, not the role.
    'prefer-native-element': ['error', { exclude: ['main'] }],
  },
});

const findings = [];
for (const { name, html } of JSON.parse(readFileSync(0, 'utf8'))) {
  const report = await profile.validateString(html, `${name}.html`);
  for (const { messages } of report.results) {
    for (const { ruleId, message, line, column } of messages) {
      findings.push(`${name}:${line}:${column}: ${ruleId}: ${message}`);
    }
  }
}
console.log(JSON.stringify(findings));
