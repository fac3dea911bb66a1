/* The Python side of scan.c: type Scanner. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "runs.h"
#include "scan.h"

#define LARGE_LIMIT 65536 /* large values that are remembered from block to block */
#define ALONE 16384       /* bytes that take long enough to let other threads run */

typedef struct {
    PyObject_HEAD
    scanner scan;
    PyObject *resolve;
    PyObject *large; /* a list of the large values by number */
    PyThreadState *outside; /* while the interpreter is released, else NULL */
    int busy;
} ScannerObject;

/* Ask Python what a key stands for. */
static int64_t ask(void *context, int name, const char *key, size_t length) {
    ScannerObject *self = context;
    int released = self->outside != NULL;
    if (released)
        PyEval_RestoreThread(self->outside);
    int64_t value = SCAN_FAILED;
    PyObject *answer = PyObject_CallFunction(self->resolve, "iy#", name, key, (Py_ssize_t)length);
    if (answer != NULL) {
        value = PyLong_AsLongLong(answer);
        Py_DECREF(answer);
        if (value == SCAN_FAILED && !PyErr_Occurred())
            PyErr_SetString(PyExc_ValueError, "a key cannot stand for this number");
        else if (PyErr_Occurred())
            value = SCAN_FAILED;
    }
    if (released)
        self->outside = PyEval_SaveThread();
    return value;
}

static void scanner_dealloc(ScannerObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    scanner_free(&self->scan);
    Py_CLEAR(self->resolve);
    Py_CLEAR(self->large);
    type->tp_free(self);
    Py_DECREF(type);
}

static int scanner_traverse(ScannerObject *self, visitproc visit, void *arg) {
    Py_VISIT(self->resolve);
    Py_VISIT(self->large);
    Py_VISIT(Py_TYPE(self));
    return 0;
}

static int scanner_clear(ScannerObject *self) {
    Py_CLEAR(self->resolve);
    Py_CLEAR(self->large);
    return 0;
}

static PyObject *scanner_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"resolve", "layout", "count_only", NULL};
    PyObject *resolve;
    int layout, count_only = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "Oi|p", names, &resolve, &layout, &count_only))
        return NULL;
    if (layout < 0 || layout >= SCAN_LAYOUTS)
        return PyErr_Format(PyExc_ValueError, "there is no layout %d", layout);
    ScannerObject *self = (ScannerObject *)type->tp_alloc(type, 0);
    if (self == NULL)
        return NULL;
    self->resolve = Py_NewRef(resolve);
    if (scanner_init(&self->scan, (scan_layout)layout, ask, self) < 0) {
        Py_DECREF(self);
        return PyErr_NoMemory();
    }
    self->scan.count_only = count_only;
    return (PyObject *)self;
}

PyDoc_STRVAR(define_doc, "define(needed, defaults, aliases, is_return, kind, role, function, outer)\n--\n\n"
                         "A new program, as its number: bits of the slots that must be there, the default of each slot\n"
                         "or None, (name, slot, rank) for each name of a field, equal names together, and what is said\n"
                         "of the function in runs.h.");

static PyObject *scanner_define(ScannerObject *self, PyObject *args) {
    unsigned int needed;
    PyObject *defaults, *aliases;
    scan_program made = {0};
    if (!PyArg_ParseTuple(args, "IO!O!piiii", &needed, &PyTuple_Type, &defaults, &PyTuple_Type, &aliases,
                          &made.is_return, &made.kind, &made.role, &made.function, &made.outer))
        return NULL;
    if (PyTuple_GET_SIZE(defaults) > SCAN_SLOTS || PyTuple_GET_SIZE(aliases) > SCAN_ALIASES)
        return PyErr_Format(PyExc_ValueError, "too many slots or names");
    made.needed = needed;
    made.slots = (int)PyTuple_GET_SIZE(defaults);
    for (int slot = 0; slot < made.slots; slot++) {
        PyObject *value = PyTuple_GET_ITEM(defaults, slot);
        if (value == Py_None)
            continue;
        made.has_default |= 1u << slot;
        made.defaults[slot] = PyLong_AsLongLong(value);
        if (PyErr_Occurred())
            return NULL;
    }
    if (!is_sound(&made))
        return PyErr_Format(PyExc_ValueError, "a function of this kind has more values");
    for (Py_ssize_t index = 0; index < PyTuple_GET_SIZE(aliases); index++) {
        const char *name;
        Py_ssize_t length;
        int slot, rank;
        PyObject *alias = PyTuple_GET_ITEM(aliases, index);
        if (!PyTuple_Check(alias) || !PyArg_ParseTuple(alias, "y#ii", &name, &length, &slot, &rank))
            return PyErr_Occurred() ? NULL : PyErr_Format(PyExc_TypeError, "an alias is a tuple");
        if (length < 1 || length > SCAN_NAME || slot < 0 || slot >= made.slots || rank < 0 || rank > 254)
            return PyErr_Format(PyExc_ValueError, "an alias is out of range");
        scan_alias *into = &made.aliases[made.alias_count];
        memcpy(into->name, name, (size_t)length);
        into->length = (uint8_t)length;
        into->slot = (uint8_t)slot;
        into->rank = (uint8_t)rank;
        if (made.alias_count > 0 && into[-1].length == length && memcmp(into[-1].name, name, (size_t)length) == 0)
            into[-1].again = 1;
        made.alias_count++;
    }
    scan_program *program = scanner_program(&self->scan);
    if (program == NULL)
        return PyErr_NoMemory();
    *program = made;
    return PyLong_FromLong(self->scan.program_count - 1);
}

/* The list of the large values, with those of the last block. Where there were many it is a new one: whoever has the
 * rows of an earlier block has the list of these. */
static PyObject *large_values(ScannerObject *self) {
    const scan_large *large = &self->scan.large;
    if (self->large == NULL && (self->large = PyList_New(0)) == NULL)
        return NULL;
    for (Py_ssize_t index = PyList_GET_SIZE(self->large); index < (Py_ssize_t)large->count; index++) {
        PyObject *value = PyLong_FromUnsignedLongLong(large->values[index]);
        int failed = value == NULL || PyList_Append(self->large, value) < 0;
        Py_XDECREF(value);
        if (failed)
            return NULL;
    }
    return self->large;
}

PyDoc_STRVAR(scan_doc, "scan(text, first, cut)\n--\n\n"
                       "Read whole lines, of which the first has this number: the rows and the runs in them as bytes,\n"
                       "how many lines, and the large values by number. With cut the text is one line that may be\n"
                       "torn, which is left to the reference. Other threads run while long text is read.");

static PyObject *scanner_scan_method(ScannerObject *self, PyObject *args) {
    Py_buffer text;
    long long first;
    int cut;
    if (!PyArg_ParseTuple(args, "y*Lp", &text, &first, &cut))
        return NULL;
    if (self->busy) {
        PyBuffer_Release(&text);
        return PyErr_Format(PyExc_RuntimeError, "the scanner is busy");
    }
    self->busy = 1;
    if (self->scan.large.count > LARGE_LIMIT) {
        scanner_forget(&self->scan);
        Py_CLEAR(self->large);
    }
    if (text.len >= ALONE)
        self->outside = PyEval_SaveThread();
    int64_t lines = scanner_scan(&self->scan, text.buf, (size_t)text.len, first, cut);
    if (self->outside != NULL)
        PyEval_RestoreThread(self->outside);
    self->outside = NULL;
    PyBuffer_Release(&text);
    PyObject *result = NULL, *large = NULL;
    if (lines < 0) {
        if (!PyErr_Occurred())
            PyErr_NoMemory();
    } else if ((large = large_values(self)) != NULL) {
        const scanner *scan = &self->scan;
        result = Py_BuildValue("y#y#LO", scan->rows == NULL ? "" : (const char *)scan->rows,
                               (Py_ssize_t)(scan->words * sizeof *scan->rows),
                               scan->found == NULL ? "" : (const char *)scan->found,
                               (Py_ssize_t)(scan->found_words * sizeof *scan->found), (long long)lines, large);
    }
    self->busy = 0;
    return result;
}

PyDoc_STRVAR(comms_doc, "comms(known)\n--\n\nThe comm strings from this number on.");

static PyObject *scanner_comms(ScannerObject *self, PyObject *args) {
    long long known;
    if (!PyArg_ParseTuple(args, "L", &known))
        return NULL;
    PyObject *found = PyList_New(0);
    size_t length;
    const char *comm;
    for (; found != NULL && (comm = scanner_comm(&self->scan, known, &length)) != NULL; known++) {
        PyObject *text = PyUnicode_DecodeASCII(comm, (Py_ssize_t)length, NULL);
        if (text == NULL || PyList_Append(found, text) < 0)
            Py_CLEAR(found);
        Py_XDECREF(text);
    }
    return found;
}

static PyObject *numbers(const int64_t *of, int64_t count) {
    PyObject *found = PyList_New((Py_ssize_t)count);
    for (int64_t index = 0; found != NULL && index < count; index++) {
        PyObject *number = PyLong_FromLongLong(of[index]);
        if (number == NULL)
            Py_CLEAR(found);
        else
            PyList_SET_ITEM(found, (Py_ssize_t)index, number);
    }
    return found;
}

PyDoc_STRVAR(counts_doc, "counts()\n--\n\nHow many lines of each ignored name there were; longer than there are names.");

static PyObject *scanner_counts(ScannerObject *self, PyObject *Py_UNUSED(ignored)) {
    return numbers(self->scan.counts, self->scan.count_room);
}

PyDoc_STRVAR(seen_doc, "seen()\n--\n\nHow many lines of each program were counted; longer than there are programs.");

static PyObject *scanner_seen(ScannerObject *self, PyObject *Py_UNUSED(ignored)) {
    return numbers(self->scan.seen, self->scan.seen_room);
}

static PyMethodDef methods[] = {
    {"define", (PyCFunction)scanner_define, METH_VARARGS, define_doc},
    {"scan", (PyCFunction)scanner_scan_method, METH_VARARGS, scan_doc},
    {"comms", (PyCFunction)scanner_comms, METH_VARARGS, comms_doc},
    {"counts", (PyCFunction)scanner_counts, METH_NOARGS, counts_doc},
    {"seen", (PyCFunction)scanner_seen, METH_NOARGS, seen_doc},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "Scanner(resolve, layout, count_only=False)\n--\n\n"
                "Reads text of one layout; resolve(name, key) says what a key is."},
    {Py_tp_new, scanner_new},
    {Py_tp_dealloc, scanner_dealloc},
    {Py_tp_traverse, scanner_traverse},
    {Py_tp_clear, scanner_clear},
    {Py_tp_methods, methods},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "pat_check.sources.native._scanner.Scanner",
    .basicsize = sizeof(ScannerObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = slots,
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_scanner", NULL, -1, NULL, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__scanner(void) {
    PyObject *made = PyModule_Create(&module), *type = PyType_FromSpec(&spec);
    if (made == NULL || type == NULL || PyModule_AddObjectRef(made, "Scanner", type) < 0)
        Py_CLEAR(made);
    Py_XDECREF(type);
    return made;
}
