// Runs before anything else: style elements that libraries make get the page's nonce.
// Ant Design leaves four of its own without it (ant-design/cssinjs#144).
const holder = document.querySelector<HTMLElement>('[property="csp-nonce"]');

export const nonce: string = holder?.nonce || holder?.getAttribute('nonce') || '';

const create = document.createElement.bind(document);
document.createElement = ((tag: string, options?: ElementCreationOptions) => {
  const e = create(tag, options);
  if (tag.toLowerCase() === 'style') e.setAttribute('nonce', nonce);
  return e;
}) as typeof document.createElement;
