/* Counts the bits of a number. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

static PyObject *count(PyObject *self, PyObject *argument)
{
    unsigned long long value = PyLong_AsUnsignedLongLong(argument);
    long bits = 0;
    if (PyErr_Occurred())
        return NULL;
    for (; value; value &= value - 1)
        bits++;
    return PyLong_FromLong(bits);
}

static PyMethodDef methods[] = {
    {"count", count, METH_O, "Return the number of bits that are set."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "popcount", "Counts bits.", -1, methods, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit_popcount(void)
{
    return PyModule_Create(&definition);
}
