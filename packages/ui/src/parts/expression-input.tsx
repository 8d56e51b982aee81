import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap, completionStatus } from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { bracketMatching, HighlightStyle, syntaxHighlighting } from '@codemirror/language';
import { lintKeymap } from '@codemirror/lint';
import { EditorState, Prec } from '@codemirror/state';
import { EditorView, keymap, placeholder } from '@codemirror/view';
import { tags } from '@lezer/highlight';
import { useComputedColorScheme } from '@mantine/core';
import { PromQLExtension } from '@prometheus-io/codemirror-promql';
import { useEffect, useRef } from 'react';

interface ExpressionInputProps {
  readonly value: string;
  /** Called when the expression is to be run (Enter). */
  readonly onRun: (expression: string) => void;
  /** Called at every change, so that a button beside the box knows the text. */
  readonly onChange: (expression: string) => void;
}

const dark = { keyword: '#c792ea', name: '#82aaff', label: '#ffcb6b', text: '#a5d6a7', number: '#f78c6c', comment: '#7f848e' };
const light = { keyword: '#7c3aed', name: '#1d4ed8', label: '#92400e', text: '#15803d', number: '#b91c1c', comment: '#6b7280' };

function highlighting(ink: typeof dark) {
  return syntaxHighlighting(
    HighlightStyle.define([
      { tag: [tags.keyword, tags.modifier, tags.operatorKeyword], color: ink.keyword },
      { tag: [tags.variableName, tags.function(tags.variableName)], color: ink.name },
      { tag: tags.labelName, color: ink.label },
      { tag: tags.string, color: ink.text },
      { tag: tags.number, color: ink.number },
      { tag: tags.comment, color: ink.comment, fontStyle: 'italic' },
    ]),
  );
}

/** The query box: PromQL with highlighting, completion from the server's own metric and label names, and lint. */
export function ExpressionInput({ value, onRun, onChange }: ExpressionInputProps) {
  const host = useRef<HTMLDivElement>(null);
  const editor = useRef<EditorView>(undefined);
  const isDark = useComputedColorScheme('light') === 'dark';
  const latest = useRef({ value, onRun, onChange });
  latest.current = { value, onRun, onChange };

  useEffect(() => {
    const promql = new PromQLExtension().setComplete({ remote: { url: '' } });
    const view = new EditorView({
      parent: host.current as HTMLDivElement,
      state: EditorState.create({
        doc: latest.current.value,
        extensions: [
          history(),
          bracketMatching(),
          closeBrackets(),
          autocompletion(),
          promql.asExtension(),
          highlighting(isDark ? dark : light),
          placeholder('PromQL expression, e.g. rate(task_count[1m])'),
          EditorView.lineWrapping,
          EditorView.contentAttributes.of({ 'aria-label': 'PromQL expression' }),
          EditorView.theme(
            {
              '&': {
                fontSize: '14px',
                border: '1px solid var(--mantine-color-default-border)',
                borderRadius: '4px',
                backgroundColor: 'var(--mantine-color-body)',
              },
              '&.cm-focused': { outline: 'none', borderColor: 'var(--mantine-primary-color-filled)' },
              '.cm-content': {
                fontFamily: 'var(--mantine-font-family-monospace)',
                padding: '8px 4px',
                caretColor: 'var(--mantine-color-text)',
              },
              '.cm-scroller': { maxHeight: '12rem' },
            },
            { dark: isDark },
          ),
          Prec.highest(
            keymap.of([
              {
                key: 'Enter',
                run: (self) => {
                  // Enter takes the chosen completion while the list is open.
                  if (completionStatus(self.state) === 'active') return false;
                  latest.current.onRun(self.state.doc.toString());
                  return true;
                },
                shift: () => false,
              },
            ]),
          ),
          keymap.of([...closeBracketsKeymap, ...completionKeymap, ...defaultKeymap, ...historyKeymap, ...lintKeymap]),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) latest.current.onChange(update.state.doc.toString());
          }),
        ],
      }),
    });
    editor.current = view;
    return () => {
      promql.destroy();
      view.destroy();
    };
  }, [isDark]);

  // An expression set from outside (a link, the back button) replaces what is in the box.
  useEffect(() => {
    const view = editor.current;
    if (view !== undefined && view.state.doc.toString() !== value) {
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: value } });
    }
  }, [value]);

  return <div ref={host} style={{ flex: 1, minWidth: 0 }} />;
}
