// Shows the description with Swagger UI in place of the plain HTML, in the colours of the browser.
const dark = matchMedia("(prefers-color-scheme: dark)");
const showScheme = () => document.documentElement.classList.toggle("dark-mode", dark.matches);

// Swagger UI writes an example into each field of a form. Here a field stays empty until the reader
// fills it, and is not sent before.
const emptyForms = () => ({
  components: { ParameterIncludeEmpty: () => null },
  wrapComponents: {
    JsonSchemaForm: (Field, { React }) => (props) =>
      React.createElement(Field, {
        ...props,
        dispatchInitialValue: props.dispatchInitialValue && false,
      }),
  },
});

function show() {
  document.querySelector("#plain").hidden = true;
  document.querySelector("#viewer").hidden = false;
}

// Without this name the bundle has not come, and the plain HTML stays.
if (window.SwaggerUIBundle) {
  dark.addEventListener("change", showScheme);
  showScheme();
  window.SwaggerUIBundle({
    domNode: document.querySelector("#viewer"),
    url: document.querySelector("#description").href,
    plugins: [emptyForms],
    onComplete: show,
  });
}
