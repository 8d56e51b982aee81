export { escapeHtml, queryEscape } from './builtin.ts';
export { TemplateExecError, TemplateParseError } from './error.ts';
export { safeHtmlType, safeUrlType } from './html-escape.ts';
export { encodeString as encodeGoJsonString, marshalJson as marshalGoJson } from './json.ts';
export { sprint as goSprint, sprintf as goSprintf } from './print.ts';
export { parseTemplate, type Template, type TemplateOptions, TemplateSet } from './template.ts';
export { GoFunction, type GoType, goFunction, goMethod, type Parameter, stringList, stringMap, Typed } from './value.ts';
